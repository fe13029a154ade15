pub fn is_palindrome(word: &str) -> bool {
    word.chars().eq(word.chars().rev())
}

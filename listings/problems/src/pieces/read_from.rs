/// Reads as many bytes as there are, and `most` at most, and says which.
fn read_from(me: usize, name: &str, from: &OwnedFd, most: usize) {
    let mut bytes = [0; 26];
    let what = match read(from, &mut bytes[..most]) {
        Ok(0) => "end of file".to_string(),
        Ok(count) => bytes[..count].escape_ascii().to_string(),
        Err(Errno::EAGAIN) => "would block".to_string(),
        Err(error) => error.to_string(),
    };
    say(me, &format!("reads {name}: {what}"));
}

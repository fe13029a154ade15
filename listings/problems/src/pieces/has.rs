/// Says which descriptors this process has beyond 0, 1 and 2, and what they lead to.
fn has(me: usize) {
    let mut all = Vec::new();
    for number in 3..100 {
        let path = format!("/proc/self/fd/{number}");
        let (Ok(to), Ok(link)) = (fs::read_link(&path), fs::symlink_metadata(&path)) else {
            continue;
        };
        let may_write = link.permissions().mode() & 0o200 != 0;
        let what = match to.to_string_lossy().starts_with("pipe") {
            true if may_write => "pipe, to write",
            true => "pipe, to read",
            false => "letters",
        };
        all.push(format!("{number} ({what})"));
    }
    say(me, &format!("has {}", all.join(" ")));
}

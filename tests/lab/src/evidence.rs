//! What the lab prints: what was asked of whom, and the answer in its own words.

/// One question to a program on `host`, and its answer.
pub(crate) fn words(host: &str, question: &str, answer: &str) {
    println!("   {host}$ {question}");
    for line in answer.lines().filter(|line| !line.trim().is_empty()) {
        println!("      {}", line.replace('\t', "   "));
    }
}

/// A finding of the lab's own.
pub(crate) fn finding(text: &str) {
    println!("   {text}");
}

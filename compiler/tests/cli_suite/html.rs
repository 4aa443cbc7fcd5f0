//! Whether a page is well-formed and stands by itself.

/// The names of elements that are open at the end of `html`; panics where one closes that is not the last that opened.
fn unclosed(html: &str) -> Vec<String> {
    const EMPTY: [&str; 6] = ["!DOCTYPE", "meta", "img", "br", "hr", "link"];
    let mut open: Vec<String> = Vec::new();
    for tag in html.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap_or_else(|| panic!("no end of <{tag}"));
        let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap_or_default().to_owned();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closes what is not open");
        } else if !tag.ends_with('/') && !EMPTY.contains(&name.as_str()) {
            open.push(name);
        }
    }
    open
}

/// Every element is closed, nothing is loaded or run, and nothing is drawn at a place that is no number.
pub fn stands_by_itself(html: &str) {
    assert_eq!(unclosed(html), Vec::<String>::new());
    // A picture's bytes may spell anything.
    let mut pieces = html.split("base64,");
    let before = pieces.next().unwrap_or_default();
    let behind = pieces.map(|piece| piece.split_once('"').expect("the end of a picture").1);
    let text: String = [before].into_iter().chain(behind).collect();
    for word in ["http:", "https:", "<script", "<link", "NaN"] {
        assert!(!text.contains(word), "{word} in\n{text}");
    }
}

#[test]
fn what_is_wrong_with_a_page_is_found() {
    // Or the test below would prove nothing.
    assert_eq!(unclosed("<p><b>x</b><img src=y><rect/>"), ["p"]);
    let picture = "<img src=\"data:image/jpeg;base64,xNaN\">";
    stands_by_itself(picture);
    assert!(std::panic::catch_unwind(|| stands_by_itself(&format!("{picture}NaN"))).is_err());
}

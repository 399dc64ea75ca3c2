//! Pages for people: one file each, nothing in it loaded from elsewhere.

use std::fmt::{Result, Write};

/// What pages look like.
pub const STYLE: &str = "\
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin-bottom: 1.5rem }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884; vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.bar { background: #8882; height: .8rem; border-radius: .2rem; min-width: 10rem }
.bar i { display: block; height: 100%; border-radius: .2rem; background: #3b7dd8 }
code { font-family: ui-monospace, monospace }";

/// The head of a page, up to its title.
pub fn begin(out: &mut String, title: &str) -> Result {
    let title = escaped(title);
    write!(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")?;
    writeln!(out, "<title>{title}</title><style>{STYLE}</style></head><body>")
}

/// The end of a page.
pub fn end(out: &mut String) -> Result {
    writeln!(out, "</body></html>")
}

/// A label, a number and a bar.
pub fn row(out: &mut String, label: &str, number: &str, share: f64) -> Result {
    write!(out, "<tr><td><code>{}</code></td><td class=\"number\">{}</td>", escaped(label), escaped(number))?;
    let percent = 100.0 * share.clamp(0.0, 1.0);
    match share > 0.0 {
        true => writeln!(out, "<td><div class=\"bar\"><i style=\"width:{percent:.1}%\"></i></div></td></tr>"),
        false => writeln!(out, "<td></td></tr>"),
    }
}

/// Text that means itself in HTML.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_is_escaped() {
        assert_eq!(super::escaped("fix<64, 16> & \"x\""), "fix&lt;64, 16&gt; &amp; &quot;x&quot;");
    }
}

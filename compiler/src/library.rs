//! The library: `.mpc` modules that the compiler carries along.

/// The names of its modules.
pub const MODULES: &[&str] = &["bits", "convolution", "crypto", "loss", "math", "nn", "optim", "sort", "stats"];

/// The text of a module.
pub fn module(name: &str) -> Option<&'static str> {
    Some(match name {
        "bits" => include_str!("../../stdlib/bits.mpc"),
        "convolution" => include_str!("../../stdlib/convolution.mpc"),
        "crypto" => include_str!("../../stdlib/crypto.mpc"),
        "loss" => include_str!("../../stdlib/loss.mpc"),
        "math" => include_str!("../../stdlib/math.mpc"),
        "nn" => include_str!("../../stdlib/nn.mpc"),
        "optim" => include_str!("../../stdlib/optim.mpc"),
        "sort" => include_str!("../../stdlib/sort.mpc"),
        "stats" => include_str!("../../stdlib/stats.mpc"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;
    use crate::source::Sources;

    #[test]
    fn every_module_is_there_and_read() {
        for name in MODULES {
            let mut sources = Sources::default();
            let text = module(name).expect("a module's text");
            let file = sources.add(*name, text);
            let (_, errors) = parse(file, text);
            let places: Vec<_> = errors.iter().map(|e| (&e.message, sources.line_column(e.labels[0].0))).collect();
            assert!(places.is_empty(), "{name}: {places:?}");
        }
    }
}

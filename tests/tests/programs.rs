//! The programs that must work as they stand: each case in two processes over loopback, against what each party must be
//! shown.

use motet_tests::cases::{failures, shared_programs};

macro_rules! programs {
    ($protocols:expr, $($name:ident)*) => {$(
        #[test]
        fn $name() {
            if let Some(folder) = shared_programs() {
                for protocol in $protocols {
                    let failures = failures(&folder, stringify!($name), protocol);
                    assert!(failures.is_empty(), "{protocol}: {}", failures.join("\n"));
                }
            }
        }
    )*};
}

programs! {
    ["yao", "gmw"], aes auction crosstabs integers intersection median millionaires secret_bound tree
}

// Those with products of tensors, and those too large for garbled circuits throughout.
programs! { ["yao", "mixed", "gmw"], digits matching shapes }
programs! { ["mixed", "gmw"], mlp lenet }

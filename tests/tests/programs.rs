//! The programs that must work as they stand: each case in two processes over loopback, against what each party must be
//! shown.

use motet_tests::cases::{failures, shared_programs};

macro_rules! programs {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            if let Some(folder) = shared_programs() {
                let failures = failures(&folder, stringify!($name), "yao");
                assert!(failures.is_empty(), "{}", failures.join("\n"));
            }
        }
    )*};
}

programs! {
    aes auction crosstabs digits integers intersection matching median millionaires secret_bound shapes tree
}

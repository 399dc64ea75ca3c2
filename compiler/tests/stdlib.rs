//! The library against references: floating point within the stated bounds, plain integers, FIPS vectors.

mod library {
    mod bits;
    mod costs;
    mod crypto;
    mod harness;
    mod loss;
    mod math;
    mod nn;
    mod optim;
    mod sort;
    mod stats;
}

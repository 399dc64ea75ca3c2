//! What is secret and what is public, told to valgrind's memcheck: for the check that no branch and no address depends on
//! a secret (`cargo xtask constant-time`). Without the feature `memcheck` all of this does nothing.
//!
//! A secret's bytes are marked as undefined. Memcheck follows them through every computation and reports each jump and
//! each address that depends on them. What is sent to the other party is public from then on.
//!
//! Requests are a sequence of instructions that does nothing on a processor and that valgrind recognises (its
//! `valgrind.h`).

#![cfg_attr(feature = "memcheck", allow(unsafe_code))]

use std::mem::size_of_val;

/// `VALGRIND_COUNT_ERRORS`.
const COUNT_ERRORS: usize = 0x1201;
/// `RUNNING_ON_VALGRIND`.
const RUNNING: usize = 0x1001;
/// `VALGRIND_MAKE_MEM_UNDEFINED`: the tool's letters, and its second request.
const MAKE_UNDEFINED: usize = 0x4d43_0001;
/// `VALGRIND_MAKE_MEM_DEFINED`.
const MAKE_DEFINED: usize = 0x4d43_0002;

/// Marks values as secret.
#[inline]
pub fn secret<T: Copy>(values: &mut [T]) {
    request([MAKE_UNDEFINED, values.as_mut_ptr() as usize, size_of_val(values)]);
}

/// Marks values in memory as public.
#[inline]
pub fn public<T: Copy>(values: &mut [T]) {
    request([MAKE_DEFINED, values.as_mut_ptr() as usize, size_of_val(values)]);
}

/// A value, now public: what the other party is shown, or sees by what this one does next.
#[inline]
pub fn shown<T: Copy>(mut value: T) -> T {
    public(std::slice::from_mut(&mut value));
    value
}

/// Whether this process runs under valgrind.
pub fn running() -> bool {
    request([RUNNING, 0, 0]) != 0
}

/// Errors that valgrind has found so far.
pub fn errors() -> usize {
    request([COUNT_ERRORS, 0, 0])
}

/// Asks valgrind; 0 where it is not there.
#[cfg(all(feature = "memcheck", target_arch = "x86_64"))]
fn request([number, address, length]: [usize; 3]) -> usize {
    let arguments = [number, address, length, 0, 0, 0];
    let mut answer = 0;
    // SAFETY: rotations of rdi by 128 bits in all, and an exchange of rbx with itself, change nothing. Under valgrind the
    // arguments are read from where rax points, and the answer is written to rdx. What is marked stays as it is: memory
    // is neither read nor written.
    unsafe {
        std::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") arguments.as_ptr(),
            inout("rdx") answer,
            out("rdi") _,
        );
    }
    answer
}

#[cfg(not(all(feature = "memcheck", target_arch = "x86_64")))]
#[inline(always)]
fn request(_: [usize; 3]) -> usize {
    0
}

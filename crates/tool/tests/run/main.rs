//! `ironring run` on real programs: what they see, and what comes back from them. Stubs stand for the libraries, and say
//! which one the loader chose.

mod bench;
mod endings;
mod libraries;
mod refusals;
mod state;

//! A worker that decodes strangers' pictures, what a picture can make of it, and the layers
//! that leave it little to do.

pub mod attack;
pub mod lies;
pub mod picture;
pub mod role;
pub mod sandbox;
pub mod service;
pub mod table;
pub mod trial;
pub mod wire;
pub mod worker;

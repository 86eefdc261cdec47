//! The command contract and the one pipeline every command goes through

//! Assembly of the running program.

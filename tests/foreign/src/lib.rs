//! Nothing: the tests are in `tests/`, one file for each foreign client.

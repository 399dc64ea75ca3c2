//! Running a plan with other parties.

//! RECORD AND RESTORE: the parts of a machine that can be saved and brought back, behind one small trait.

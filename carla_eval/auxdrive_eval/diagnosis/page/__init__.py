"""Diagnoses as people read them: in sentences, tables and a page."""

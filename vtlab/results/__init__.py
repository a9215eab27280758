"""Results of trainings as plain values: records, tables, intervals, conclusions. No torch here."""

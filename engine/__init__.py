"""The market: what traders order, how it matches, and the record of what happened. It knows no other folder."""

"""Many runs, and what they say: studies, statistics, the ledger of claims, the report."""

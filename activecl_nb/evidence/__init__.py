"""Many runs, and what they say, in this order:

study/          runs side by side from a file, made and stored
analysis/       their statistics
claims/         what is claimed (file), measured (measures, arithmetic) and judged (rule)
report/         the page, of the texts in templates/
"""

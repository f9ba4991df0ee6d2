"""UForge AppCenter: one person's profile, appliances, software and cloud accounts, as seed 001 asks for.

Every appliance and every bundle of software comes with the archive that UForge makes of it. Facts are in the reference
source-systems, part B.
"""

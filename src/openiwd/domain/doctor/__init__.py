"""What can be wrong with a tenant and its installation: findings from plain figures, each with evidence and the fix."""

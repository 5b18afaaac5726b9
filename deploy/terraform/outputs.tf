output "provider_arn" {
  description = "The SAML provider in IAM."
  value       = aws_iam_saml_provider.this.arn
}

output "role_arns" {
  description = "The AWS role of each role in the gateway."
  value       = { for role, made in aws_iam_role.this : role => made.arn }
}

output "role_attribute_values" {
  description = "What the identity provider must send as https://aws.amazon.com/SAML/Attributes/Role, by the role in the gateway."
  value       = { for role, made in aws_iam_role.this : role => "${made.arn},${aws_iam_saml_provider.this.arn}" }
}

output "settings" {
  description = "The credential for the gateway's settings: terraform output -raw settings >> sluicegate.toml"
  value       = <<-EOT
    [credentials.${var.organization}-saml]
    kind = "saml"
    region = ${jsonencode(var.region)}
    duration_seconds = ${min([for role in values(var.roles) : role.max_session_seconds]...)}
    role_arns = ${jsonencode([for made in values(aws_iam_role.this) : made.arn])}
  EOT
}

output "settings_per_person" {
  description = "The same where the gateway takes the roles itself: one credential for each role; empty without gateway_principals."
  value = length(var.gateway_principals) == 0 ? "" : join("\n", flatten([
    for role, made in aws_iam_role.this : [
      "[credentials.${var.organization}-${role}]",
      "kind = \"assume-role\"",
      "source = \"default\"",
      "role_arn = ${jsonencode(made.arn)}",
      var.external_id == null ? [] : ["external_id = ${jsonencode(var.external_id)}"],
      "region = ${jsonencode(var.region)}",
      "duration_seconds = 3600",
      "per_person = true",
      "",
    ]
  ]))
}

output "catalogue" {
  description = "The table for the catalogue file: terraform output -raw catalogue >> catalog.toml"
  value       = <<-EOT
    [organization.${var.organization}.aws]
    provider = ${jsonencode(aws_iam_saml_provider.this.arn)}
    roles = { ${join(", ", [for role, made in aws_iam_role.this : "${role} = ${jsonencode(made.arn)}"])} }
  EOT
}

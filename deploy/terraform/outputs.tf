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
  description = "The credential for the gateway's settings: terraform output -raw settings > aws.toml"
  value       = <<-EOT
    [credentials.${var.organization}-saml]
    kind = "saml"
    region = ${jsonencode(var.region)}
    duration_seconds = ${min([for role in values(var.roles) : role.max_session_seconds]...)}
    role_arns = ${jsonencode([for made in values(aws_iam_role.this) : made.arn])}
  EOT
}

output "settings_per_person" {
  description = "The same where the gateway takes the roles itself: terraform output -raw settings_per_person; empty without gateway_principals."
  value = length(var.gateway_principals) == 0 ? "" : join("\n", flatten([
    "[credentials.${var.organization}-per-person]",
    "kind = \"assume-role\"",
    "source = \"default\" # the gateway's own identity: another credential of the settings",
    "role_arn = ${jsonencode(aws_iam_role.this[local.least].arn)} # also taken for whoever has a role that the catalogue's table lacks",
    length(local.others) == 0 ? [] : ["role_arns = ${jsonencode(local.others)}"],
    var.external_id == null ? [] : ["external_id = ${jsonencode(var.external_id)}"],
    "region = ${jsonencode(var.region)}",
    "duration_seconds = 3600",
    "per_person = true",
    "",
  ]))
}

output "gateway_policy" {
  description = "What the gateway's own identity must be permitted, to take the roles itself: a policy in JSON; empty without gateway_principals."
  value = length(var.gateway_principals) == 0 ? "" : jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "TakeRolesForPeople"
      Effect   = "Allow"
      Action   = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]
      Resource = [for made in values(aws_iam_role.this) : made.arn]
    }]
  })
}

output "catalogue" {
  description = "The table for the catalogue file, for both ways: terraform output -raw catalogue"
  value       = <<-EOT
    [organization.${var.organization}.aws]
    provider = ${jsonencode(aws_iam_saml_provider.this.arn)}
    roles = { ${join(", ", [for role, made in aws_iam_role.this : "${role} = ${jsonencode(made.arn)}"])} }
  EOT
}

# What AWS must know so that a person's SAML assertion, shown by the gateway, becomes a credential: the identity provider,
# and one role for each role in the gateway. docs/saml.md says how the two sides fit.

data "aws_partition" "current" {}

locals {
  provider_name = coalesce(var.provider_name, "sluicegate-${var.organization}")
  s3            = "arn:${data.aws_partition.current.partition}:s3:::"

  # AWS calls the assertion's Recipient SAML:aud.
  assertion_endpoint = "${var.base_url}/-/saml/${var.organization}/acs"

  # Whether a call may also set a source identity or tags is asked of its own, and permits nothing alone; AWS's examples
  # put no condition on the assertion or the external id there.
  with_assertion = concat(
    var.source_identity ? ["sts:SetSourceIdentity"] : [],
    var.session_tags ? ["sts:TagSession"] : [],
  )

  trust = concat(
    [{
      Sid       = "ByAssertion"
      Effect    = "Allow"
      Principal = { Federated = aws_iam_saml_provider.this.arn }
      Action    = ["sts:AssumeRoleWithSAML"]
      Condition = { StringEquals = { "SAML:aud" = local.assertion_endpoint } }
    }],
    [for actions in [local.with_assertion] : {
      Sid       = "WithAssertion"
      Effect    = "Allow"
      Principal = { Federated = aws_iam_saml_provider.this.arn }
      Action    = actions
    } if length(actions) > 0],
    [for principals in [var.gateway_principals] : merge(
      { Sid = "ByGateway", Effect = "Allow", Principal = { AWS = principals }, Action = ["sts:AssumeRole"] },
      var.external_id == null ? {} : { Condition = { StringEquals = { "sts:ExternalId" = var.external_id } } },
    ) if length(principals) > 0],
    # The gateway names the person as source identity and in tags.
    [for principals in [var.gateway_principals] : {
      Sid       = "WithGateway"
      Effect    = "Allow"
      Principal = { AWS = principals }
      Action    = ["sts:SetSourceIdentity", "sts:TagSession"]
    } if length(principals) > 0],
  )

  # Without a role for somebody in the catalogue's table, the gateway takes the credential's role_arn for him.
  least  = [for role in ["annotator", "reviewer", "manager", "administrator", "owner"] : role if contains(keys(var.roles), role)][0]
  others = [for role, made in aws_iam_role.this : made.arn if role != local.least]

  # A role's objects, and a statement per bucket for its names: s3:prefix is of one request, so buckets do not mix.
  access = {
    for role, wanted in var.roles : role => concat(
      [{
        Sid    = "Objects"
        Effect = "Allow"
        Action = concat(["s3:GetObject"], wanted.write ? ["s3:PutObject"] : [])
        Resource = flatten([
          for bucket, prefixes in wanted.buckets : [for prefix in sort(distinct(prefixes)) : "${local.s3}${bucket}/${prefix}*"]
        ])
      }],
      [
        for bucket, prefixes in wanted.buckets : merge(
          { Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["${local.s3}${bucket}"] },
          contains(prefixes, "") ? {} : {
            Condition = { StringLike = { "s3:prefix" = [for prefix in sort(distinct(prefixes)) : "${prefix}*"] } }
          },
        )
      ],
      [for keys in [wanted.kms_keys] : {
        Sid      = "Keys"
        Effect   = "Allow"
        Action   = concat(["kms:Decrypt"], wanted.write ? ["kms:GenerateDataKey"] : [])
        Resource = keys
      } if length(keys) > 0],
    )
  }
}

resource "aws_iam_saml_provider" "this" {
  name                   = local.provider_name
  saml_metadata_document = file(var.metadata_file)
  tags                   = var.tags
}

resource "aws_iam_role" "this" {
  for_each = var.roles

  name                 = coalesce(each.value.name, "sluicegate-${var.organization}-${each.key}")
  path                 = var.path
  description          = "Taken by Sluicegate for the ${each.key}s of ${var.organization}"
  max_session_duration = each.value.max_session_seconds
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.trust
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = var.roles

  name   = "objects"
  role   = aws_iam_role.this[each.key].id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.access[each.key] })
}

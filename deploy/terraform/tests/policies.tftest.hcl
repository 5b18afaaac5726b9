# What the module would tell AWS, without AWS: terraform init && terraform test

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_iam_saml_provider" {
    defaults = { arn = "arn:aws:iam::123456789012:saml-provider/sluicegate-acme" }
  }
}

override_resource {
  target = aws_iam_role.this["annotator"]
  values = { arn = "arn:aws:iam::123456789012:role/annotator" }
}

override_resource {
  target = aws_iam_role.this["administrator"]
  values = { arn = "arn:aws:iam::123456789012:role/administrator" }
}

variables {
  organization  = "acme"
  base_url      = "https://label.example.com"
  metadata_file = "../../tests/vectors/saml/metadata/good.xml"
  region        = "eu-central-1"
  roles = {
    annotator     = { buckets = { media = ["faces/", "cars/"] } }
    administrator = { buckets = { media = [""], exports = [""] }, write = true, kms_keys = ["arn:aws:kms:eu-central-1:123456789012:key/1"] }
  }
}

run "trust" {
  assert {
    condition = jsondecode(aws_iam_role.this["annotator"].assume_role_policy).Statement == [{
      Sid       = "ByAssertion"
      Effect    = "Allow"
      Principal = { Federated = "arn:aws:iam::123456789012:saml-provider/sluicegate-acme" }
      Action    = ["sts:AssumeRoleWithSAML"]
      Condition = { StringEquals = { "SAML:aud" = "https://label.example.com/-/saml/acme/acs" } }
    }]
    error_message = "the role must trust assertions of this provider that are addressed to the assertion endpoint, and nothing else"
  }
}

run "prefixes" {
  assert {
    condition = jsondecode(aws_iam_role_policy.this["annotator"].policy).Statement == [
      {
        Sid      = "Objects", Effect = "Allow", Action = ["s3:GetObject"]
        Resource = ["arn:aws:s3:::media/cars/*", "arn:aws:s3:::media/faces/*"]
      },
      {
        Effect    = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::media"]
        Condition = { StringLike = { "s3:prefix" = ["cars/*", "faces/*"] } }
      },
    ]
    error_message = "an annotator reads and lists below the prefixes, and nothing else"
  }
}

run "whole_buckets" {
  assert {
    condition = jsondecode(aws_iam_role_policy.this["administrator"].policy).Statement == [
      {
        Sid      = "Objects", Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject"]
        Resource = ["arn:aws:s3:::exports/*", "arn:aws:s3:::media/*"]
      },
      { Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::exports"] },
      { Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::media"] },
      {
        Sid      = "Keys", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = ["arn:aws:kms:eu-central-1:123456789012:key/1"]
      },
    ]
    error_message = "an administrator reads, writes and lists both buckets"
  }
}

run "by_the_gateway" {
  variables {
    gateway_principals = ["arn:aws:iam::123456789012:role/gateway"]
    external_id        = "agreed"
    source_identity    = true
    session_tags       = true
  }
  assert {
    condition = slice(jsondecode(aws_iam_role.this["annotator"].assume_role_policy).Statement, 1, 4) == [
      {
        Sid       = "WithAssertion", Effect = "Allow", Action = ["sts:SetSourceIdentity", "sts:TagSession"]
        Principal = { Federated = "arn:aws:iam::123456789012:saml-provider/sluicegate-acme" }
      },
      {
        Sid       = "ByGateway", Effect = "Allow", Action = ["sts:AssumeRole"]
        Principal = { AWS = ["arn:aws:iam::123456789012:role/gateway"] }
        Condition = { StringEquals = { "sts:ExternalId" = "agreed" } }
      },
      {
        Sid       = "WithGateway", Effect = "Allow", Action = ["sts:SetSourceIdentity", "sts:TagSession"]
        Principal = { AWS = ["arn:aws:iam::123456789012:role/gateway"] }
      },
    ]
    error_message = "the gateway takes the role with the external id only, and may name the person"
  }
}

run "settings_per_person" {
  variables {
    gateway_principals = ["arn:aws:iam::123456789012:role/gateway"]
    external_id        = "agreed"
  }
  assert {
    condition = [for line in split("\n", output.settings_per_person) : trimspace(split("#", line)[0])] == [
      "[credentials.acme-per-person]",
      "kind = \"assume-role\"",
      "source = \"default\"",
      "role_arn = \"arn:aws:iam::123456789012:role/annotator\"",
      "role_arns = [\"arn:aws:iam::123456789012:role/administrator\"]",
      "external_id = \"agreed\"",
      "region = \"eu-central-1\"",
      "duration_seconds = 3600",
      "per_person = true",
      "",
    ]
    error_message = "one credential for all: the least powerful role is what the gateway falls back to"
  }
  assert {
    condition = jsondecode(output.gateway_policy).Statement == [{
      Sid      = "TakeRolesForPeople"
      Effect   = "Allow"
      Action   = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]
      Resource = ["arn:aws:iam::123456789012:role/administrator", "arn:aws:iam::123456789012:role/annotator"]
    }]
    error_message = "the gateway's own identity may take the roles and name the person, and nothing else"
  }
}

run "settings" {
  assert {
    condition     = output.settings_per_person == "" && output.gateway_policy == ""
    error_message = "without gateway_principals the gateway takes no role itself"
  }
  assert {
    condition     = output.role_attribute_values["annotator"] == "arn:aws:iam::123456789012:role/annotator,arn:aws:iam::123456789012:saml-provider/sluicegate-acme"
    error_message = "the identity provider sends pairs of role and provider"
  }
}

run "a_wildcard_is_no_prefix" {
  command = plan
  variables {
    roles = { annotator = { buckets = { media = ["*/faces/"] } } }
  }
  expect_failures = [var.roles]
}

run "no_such_role" {
  command = plan
  variables {
    roles = { labeler = { buckets = { media = [""] } } }
  }
  expect_failures = [var.roles]
}

run "an_address_with_a_path" {
  command = plan
  variables {
    base_url = "https://label.example.com/"
  }
  expect_failures = [var.base_url]
}

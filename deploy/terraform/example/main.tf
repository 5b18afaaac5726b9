# Annotators and reviewers read one prefix of one bucket; managers write there too; administrators and owners read and write
# all of both. Who has a role of the gateway that has no AWS role here gets nothing from the buckets.

provider "aws" {
  region = "eu-central-1"
}

variable "gateway_principals" {
  description = "Only where the gateway takes the roles itself (per_person): ARN of the role or user that it runs under."
  type        = list(string)
  default     = []
}

variable "external_id" {
  description = "What the gateway then shows besides."
  type        = string
  default     = null
}

locals {
  everything = { "acme-media" = [""], "acme-exports" = [""] }
}

module "sluicegate" {
  source = "../"

  organization       = "acme"
  base_url           = "https://label.example.com"
  metadata_file      = "${path.root}/idp.xml" # the file that [saml.acme] names, too
  region             = "eu-central-1"
  gateway_principals = var.gateway_principals
  external_id        = var.external_id

  roles = {
    annotator     = { buckets = { "acme-media" = ["faces/"] } }
    reviewer      = { buckets = { "acme-media" = ["faces/"] } }
    manager       = { buckets = { "acme-media" = ["faces/"] }, write = true }
    administrator = { buckets = local.everything, write = true, max_session_seconds = 14400 }
    owner         = { buckets = local.everything, write = true, max_session_seconds = 14400 }
  }
}

output "role_attribute_values" {
  value = module.sluicegate.role_attribute_values
}

output "settings" {
  value = module.sluicegate.settings
}

output "settings_per_person" {
  value = module.sluicegate.settings_per_person
}

output "gateway_policy" {
  value = module.sluicegate.gateway_policy
}

output "catalogue" {
  value = module.sluicegate.catalogue
}

# Annotators read one prefix of one bucket; administrators read and write all of both.

provider "aws" {
  region = "eu-central-1"
}

module "sluicegate" {
  source = "../"

  organization  = "acme"
  base_url      = "https://label.example.com"
  metadata_file = "${path.root}/idp.xml" # the file that [saml.acme] names, too
  region        = "eu-central-1"

  roles = {
    annotator = {
      buckets = { "acme-media" = ["faces/"] }
    }
    administrator = {
      buckets             = { "acme-media" = [""], "acme-exports" = [""] }
      write               = true
      max_session_seconds = 14400
    }
  }
}

output "role_attribute_values" {
  value = module.sluicegate.role_attribute_values
}

output "settings" {
  value = module.sluicegate.settings
}

output "catalogue" {
  value = module.sluicegate.catalogue
}

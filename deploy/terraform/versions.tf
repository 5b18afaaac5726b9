terraform {
  required_version = ">= 1.7" # tests/ fake the provider (mock_provider)

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

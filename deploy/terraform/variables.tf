variable "organization" {
  description = "Name of the organization in the gateway's catalogue, as in [saml.NAME]."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9_-]{0,62}$", var.organization))
    error_message = "A name has 1 to 63 of a-z, 0-9, - and _, and starts with a letter or a digit."
  }
}

variable "base_url" {
  description = "The gateway as browsers see it: base_url of [saml.NAME], without a path."
  type        = string

  validation {
    condition     = can(regex("^https://[a-z0-9.-]+(:[0-9]+)?$", var.base_url))
    error_message = "This is https://HOST or https://HOST:PORT, in lower case, without a path and without a slash at the end."
  }
}

variable "metadata_file" {
  description = "The identity provider's metadata, the same document that [saml.NAME] reads."
  type        = string
}

variable "provider_name" {
  description = "Name of the SAML provider in IAM; sluicegate-ORGANIZATION when null."
  type        = string
  default     = null
}

variable "roles" {
  description = <<-EOT
    One AWS role for each role in the gateway that is to have one. Of each:
    buckets:             prefixes by bucket, as the catalogue's storages have them; "" is the whole bucket;
    write:               whether objects may be written too;
    name:                the AWS role's; sluicegate-ORGANIZATION-ROLE when null;
    max_session_seconds: how long a credential may last at most, an hour to twelve;
    kms_keys:            ARNs of the keys that the objects are encrypted with (SSE-KMS).
  EOT
  type = map(object({
    buckets             = map(list(string))
    write               = optional(bool, false)
    name                = optional(string)
    max_session_seconds = optional(number, 3600)
    kms_keys            = optional(list(string), [])
  }))

  validation {
    condition = length(var.roles) > 0 && alltrue([
      for role in keys(var.roles) : contains(["owner", "administrator", "manager", "reviewer", "annotator"], role)
    ])
    error_message = "The gateway's roles are owner, administrator, manager, reviewer and annotator."
  }

  validation {
    condition = alltrue(flatten([
      for role in values(var.roles) : [
        length(role.buckets) > 0,
        [for prefixes in values(role.buckets) : length(prefixes) > 0],
      ]
    ]))
    error_message = "A role names at least one bucket, and a bucket at least one prefix; \"\" is the whole bucket."
  }

  validation {
    condition = alltrue(flatten([
      for role in values(var.roles) : [
        [for bucket in keys(role.buckets) : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", bucket))],
        [for prefix in flatten(values(role.buckets)) : can(regex("^[^*?$/][^*?$]*$", prefix)) || prefix == ""],
      ]
    ]))
    error_message = "A bucket is named as S3 has it, and a prefix neither begins with / nor holds *, ? or $, which mean something else in a policy."
  }

  validation {
    condition = alltrue([
      for role in values(var.roles) : role.max_session_seconds >= 3600 && role.max_session_seconds <= 43200
    ])
    error_message = "max_session_seconds is 3600 to 43200."
  }
}

variable "source_identity" {
  description = "The identity provider sends the attribute SourceIdentity: without this, AWS then refuses every credential."
  type        = bool
  default     = false
}

variable "session_tags" {
  description = "The identity provider sends PrincipalTag attributes: without this, AWS then refuses every credential."
  type        = bool
  default     = false
}

variable "gateway_principals" {
  description = "ARNs of the identities that the gateway runs under, where it takes the roles itself (kind = \"assume-role\", per_person = true)."
  type        = list(string)
  default     = []
}

variable "external_id" {
  description = "What the gateway must show when it takes a role itself: external_id of its credential."
  type        = string
  default     = null
}

variable "region" {
  description = "Region of the STS that the gateway asks."
  type        = string
}

variable "path" {
  description = "Path of the roles in IAM."
  type        = string
  default     = "/"
}

variable "permissions_boundary" {
  description = "ARN of a policy that bounds the roles."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything that is made."
  type        = map(string)
  default     = {}
}

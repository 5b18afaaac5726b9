-- For Label Studio 1.23 in PostgreSQL: a user who reads where things belong, and what tasks refer to; no token, password or key.
-- Run in Label Studio's database as its owner, after the user was made (CREATE USER sluicegate PASSWORD '…'), and again after each
-- new version of Label Studio:  psql -v reader=sluicegate -f deploy/label-studio-reader.sql DATABASE
GRANT SELECT (id) ON project TO :reader;
GRANT SELECT (id, project_id, data) ON task TO :reader;
GRANT SELECT (id, task_id, completed_by_id) ON task_completion TO :reader;
GRANT SELECT (id, task_id, user_id) ON tasks_annotationdraft TO :reader;
GRANT SELECT (id, task_id) ON prediction TO :reader;
GRANT SELECT (id, project_id, user_id) ON data_manager_view TO :reader;
GRANT SELECT (id, project_id) ON data_import_fileupload, webhook, ml_mlbackend, labels_manager_labellink, data_export_export,
  io_storages_s3importstorage, io_storages_s3exportstorage TO :reader;
GRANT SELECT (gcsstoragemixin_ptr_id, project_id) ON io_storages_gcsimportstorage, io_storages_gcsexportstorage TO :reader;
GRANT SELECT (azureblobstoragemixin_ptr_id, project_id)
  ON io_storages_azureblobimportstorage, io_storages_azureblobexportstorage TO :reader;
GRANT SELECT (redisstoragemixin_ptr_id, project_id) ON io_storages_redisimportstorage, io_storages_redisexportstorage TO :reader;
GRANT SELECT (localfilesmixin_ptr_id, project_id)
  ON io_storages_localfilesimportstorage, io_storages_localfilesexportstorage TO :reader;

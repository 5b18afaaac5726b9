<?php

// What the test wants, as ../run describes it; and the folder that is this provider's own.

$folder = getenv('SLUICEGATE_IDP');

return json_decode(file_get_contents("$folder/setup.json"), true, 64, JSON_THROW_ON_ERROR) + ['folder' => $folder];

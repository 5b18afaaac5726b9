<?php

// SimpleSAMLphp's settings: an identity provider of SAML 2.0 and nothing else, with everything that it writes in its folder.

$setup = require __DIR__ . '/setup.php';
$folder = $setup['folder'];
$samesite = $setup['cross_site_cookies'] ? 'None' : null;

$config = [
    'baseurlpath' => $setup['url'],
    'certdir' => "$folder/",
    'loggingdir' => "$folder/log/",
    'datadir' => "$folder/data/",
    'tempdir' => "$folder/tmp",
    'metadatadir' => __DIR__ . '/metadata/',
    'attributenamemapdir' => '/etc/simplesamlphp/attributemap/',
    'secretsalt' => trim(file_get_contents("$folder/salt")),
    'auth.adminpassword' => bin2hex(random_bytes(16)),
    'admin.protectindexpage' => true,
    'admin.protectmetadata' => false,
    'admin.checkforupdates' => false,
    'timezone' => 'UTC',
    'technicalcontact_name' => 'nobody',
    'technicalcontact_email' => 'nobody@example.com',
    'production' => true,

    'logging.level' => SimpleSAML\Logger::NOTICE,
    'logging.handler' => 'file',
    'logging.logfile' => 'idp',
    'logging.processname' => 'idp',
    'showerrors' => true,
    'errorreporting' => false,

    'enable.saml20-idp' => true,
    'module.enable' => ['core' => true, 'exampleauth' => true, 'saml' => true],
    'metadata.sources' => [['type' => 'flatfile']],
    'metadata.sign.enable' => false,
    'authproc.idp' => [],
    'authproc.sp' => [],
    // After signing out, where the test says.
    'trusted.url.domains' => null,

    'store.type' => 'phpsession',
    'session.duration' => $setup['session_seconds'],
    'session.datastore.timeout' => $setup['session_seconds'],
    'session.state.timeout' => 3600,
    'session.cookie.name' => 'SimpleSAMLSessionID',
    'session.cookie.secure' => $setup['cross_site_cookies'],
    'session.cookie.samesite' => $samesite,
    'session.phpsession.cookiename' => 'SimpleSAML',
    'session.phpsession.savepath' => "$folder/sessions",
    'session.phpsession.httponly' => true,
    'language.available' => ['en'],
    'language.default' => 'en',
    'language.cookie.secure' => $setup['cross_site_cookies'],
    'language.cookie.samesite' => $samesite,
    'theme.use' => 'default',
];

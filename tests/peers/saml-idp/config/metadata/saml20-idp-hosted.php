<?php

// The identity provider itself. Messages by redirect are signed; mail, where a person has one, is the NameID.

$setup = require __DIR__ . '/../setup.php';
$signed = array_column($setup['service_providers'], 'signed_requests');

$metadata[$setup['url'] . 'saml2/idp/metadata.php'] = [
    'host' => '__DEFAULT__',
    'auth' => 'people',
    'privatekey' => 'idp.key',
    'certificate' => 'idp.crt',
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'assertion.lifetime' => $setup['assertion_seconds'],
    'NameIDFormat' => 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
    'sign.logout' => true,
    // Its metadata asks for signed requests when everybody must sign them.
    'validate.authnrequest' => $signed !== [] && !in_array(false, $signed, true),
    'authproc' => [
        1 => [
            'class' => 'saml:AttributeNameID',
            'attribute' => 'mail',
            'Format' => 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
        ],
    ],
];

<?php

// Whom the identity provider answers. Who has a certificate signs his messages about signing out.

$setup = require __DIR__ . '/../setup.php';

$redirect = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect';
$algorithms = [
    'aes128-cbc' => 'http://www.w3.org/2001/04/xmlenc#aes128-cbc',
    'aes128-gcm' => 'http://www.w3.org/2009/xmlenc11#aes128-gcm',
    'aes256-gcm' => 'http://www.w3.org/2009/xmlenc11#aes256-gcm',
];

foreach ($setup['service_providers'] as $provider) {
    $keys = [];
    foreach ($provider['certificates'] as $pem) {
        $keys[] = [
            'type' => 'X509Certificate',
            'signing' => true,
            'encryption' => true,
            'X509Certificate' => preg_replace('/-----[^-]+-----|\s/', '', $pem),
        ];
    }
    $about = [
        'AssertionConsumerService' => $provider['assertions'],
        'NameIDFormat' => 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
        'keys' => $keys,
        'audience' => $provider['audiences'],
        'saml20.sign.response' => $provider['sign_response'],
        'saml20.sign.assertion' => $provider['sign_assertion'],
        'validate.authnrequest' => $provider['signed_requests'],
        'validate.logout' => $keys !== [],
        'assertion.encryption' => $provider['encryption'] !== null,
    ];
    if ($provider['encryption'] !== null) {
        // Asked by ../../encryption.php.
        $about['block_encryption'] = $algorithms[$provider['encryption']];
    }
    if ($provider['sign_out'] !== null) {
        $about['SingleLogoutService'] = [['Binding' => $redirect, 'Location' => $provider['sign_out']]];
    }
    $metadata[$provider['entity_id']] = $about;
}

<?php

// Who signs in here, with a name and a password.

$setup = require __DIR__ . '/setup.php';

$config = ['admin' => ['core:AdminPassword'], 'people' => ['exampleauth:UserPass']];
foreach ($setup['people'] as $name => $person) {
    $config['people']["$name:{$person['password']}"] = $person['attributes'];
}

<?php

// Runs the generated verifications of this folder against cases.tsv; prints what differs and ends with 1 if anything does.
//
// A line of cases.tsv is: subject, case, 1 if it has to verify, now in milliseconds, body, secrets, arguments, headers.
// Bodies and texts are in base64; an item of a list begins with a dot, so that an empty list differs from an empty text.

declare(strict_types=1);

set_error_handler(function (int $level, string $message, string $file, int $line): never {
    throw new ErrorException($message, 0, $level, $file, $line);
});

function items(string $field): array
{
    return $field === "" ? [] : array_map(fn ($item) => substr($item, 1), explode(",", $field));
}

function texts(string $field): array
{
    return array_map("base64_decode", items($field));
}

$functions = [];
$count = 0;
$differences = [];
foreach (file("cases.tsv", FILE_IGNORE_NEW_LINES) as $line) {
    [$subject, $id, $valid, $now, $body, $secrets, $extras, $fields] = explode("\t", $line);
    if (!isset($functions[$subject])) {
        $known = get_defined_functions()["user"];
        require __DIR__ . "/$subject.php";
        $found = preg_grep('/\\\\verify(challenge)?$/', array_diff(get_defined_functions()["user"], $known));
        $functions[$subject] = reset($found);
    }
    $headers = [];
    foreach (items($fields) as $item) {
        [$name, $value] = explode(":", $item);
        $headers[base64_decode($name)] = base64_decode($value);
    }
    $count++;
    try {
        $verdict = $functions[$subject]($headers, base64_decode($body), texts($secrets), (int) $now / 1000, ...texts($extras));
    } catch (Throwable $error) { // a sample never throws
        $verdict = $error->getMessage();
    }
    if ($verdict !== ($valid === "1")) {
        $differences[] = "$subject $id: " . var_export($verdict, true) . ", not " . var_export($valid === "1", true);
    }
}
foreach (glob("*-server.php") as $server) {
    token_get_all(file_get_contents($server), TOKEN_PARSE);
}
printf("php: %d verifications, %d cases, %d differ\n", count($functions), $count, count($differences));
echo implode("\n", array_slice($differences, 0, 60)), "\n";
exit($differences === [] ? 0 : 1);

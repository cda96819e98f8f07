import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Runs the generated verifications against cases.tsv; prints what differs and ends with 1 if anything does.
 *
 * A line of cases.tsv is: subject, case, 1 if it has to verify, now in milliseconds, body, secrets, arguments, headers.
 * Bodies and texts are in base64; an item of a list begins with a dot, so that an empty list differs from an empty text.
 */
public final class Main {
    interface Verify {
        boolean verify(Map<String, List<String>> headers, byte[] body, List<String> secrets, Instant now, List<String> extras);
    }

    private static byte[] bytes(String field) {
        return Base64.getDecoder().decode(field);
    }

    private static String text(String field) {
        return new String(bytes(field), StandardCharsets.UTF_8);
    }

    private static List<String> items(String field) {
        return field.isEmpty() ? List.of() : Arrays.stream(field.split(",")).map(item -> item.substring(1)).toList();
    }

    /** Values are latin1 texts, as servlet containers make them of the bytes on the wire. */
    private static Map<String, List<String>> headers(String field) {
        Map<String, List<String>> headers = new LinkedHashMap<>();
        for (String item : items(field)) {
            String[] pair = item.split(":", -1);
            String value = new String(bytes(pair[1]), StandardCharsets.ISO_8859_1);
            headers.computeIfAbsent(text(pair[0]), name -> new ArrayList<>()).add(value);
        }
        return headers;
    }

    public static void main(String[] arguments) throws Exception {
        int count = 0;
        List<String> differences = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of("cases.tsv"))) {
            String[] fields = line.split("\t", -1);
            count++;
            String verdict;
            try {
                Verify verify = Registry.ALL.get(fields[0]);
                List<String> secrets = items(fields[5]).stream().map(Main::text).toList();
                List<String> extras = items(fields[6]).stream().map(Main::text).toList();
                Instant now = Instant.ofEpochMilli(Long.parseLong(fields[3]));
                verdict = String.valueOf(verify.verify(headers(fields[7]), bytes(fields[4]), secrets, now, extras));
            } catch (RuntimeException e) { // a sample never throws
                verdict = e.toString();
            }
            String expected = String.valueOf(fields[2].equals("1"));
            if (!verdict.equals(expected)) {
                differences.add(fields[0] + " " + fields[1] + ": " + verdict + ", not " + expected);
            }
        }
        System.out.printf("java: %d verifications, %d cases, %d differ%n", Registry.ALL.size(), count, differences.size());
        differences.stream().limit(60).forEach(System.out::println);
        System.exit(differences.isEmpty() ? 0 : 1);
    }
}

// Runs the generated verifications against cases.tsv; prints what differs and ends with 1 if anything does.
//
// A line of cases.tsv is: subject, case, 1 if it has to verify, now in milliseconds, body, secrets, arguments, headers.
// Bodies and texts are in base64; an item of a list begins with a dot, so that an empty list differs from an empty text.
package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func text(field string) string {
	decoded, err := base64.StdEncoding.DecodeString(field)
	if err != nil {
		panic(err)
	}
	return string(decoded)
}

func items(field string) []string {
	var list []string
	if field != "" {
		for _, item := range strings.Split(field, ",") {
			list = append(list, item[1:])
		}
	}
	return list
}

func texts(field string) []string {
	var list []string
	for _, item := range items(field) {
		list = append(list, text(item))
	}
	return list
}

func verdict(fields []string) (verdict string) {
	defer func() {
		if problem := recover(); problem != nil {
			verdict = fmt.Sprint("panic: ", problem)
		}
	}()
	headers := http.Header{}
	for _, item := range items(fields[7]) {
		name, value, _ := strings.Cut(item, ":")
		headers.Add(text(name), text(value))
	}
	millis, _ := strconv.ParseInt(fields[3], 10, 64)
	valid := registry[fields[0]](headers, []byte(text(fields[4])), texts(fields[5]), time.UnixMilli(millis), texts(fields[6]))
	return strconv.FormatBool(valid)
}

func main() {
	cases, err := os.ReadFile("cases.tsv")
	if err != nil {
		panic(err)
	}
	count := 0
	var differences []string
	for _, line := range strings.Split(strings.TrimSuffix(string(cases), "\n"), "\n") {
		fields := strings.Split(line, "\t")
		count++
		if got, expected := verdict(fields), strconv.FormatBool(fields[2] == "1"); got != expected {
			differences = append(differences, fmt.Sprintf("%s %s: %s, not %s", fields[0], fields[1], got, expected))
		}
	}
	fmt.Printf("go: %d verifications, %d cases, %d differ\n", len(registry), count, len(differences))
	for index, difference := range differences {
		if index < 60 {
			fmt.Println(difference)
		}
	}
	if len(differences) > 0 {
		os.Exit(1)
	}
}

# frozen_string_literal: true

# Runs the generated verifications of this folder against cases.tsv; prints what differs and ends with 1 if anything does.
#
# A line of cases.tsv is: subject, case, 1 if it has to verify, now in milliseconds, body, secrets, arguments, headers.
# Bodies and texts are in base64; an item of a list begins with a dot, so that an empty list differs from an empty text.

def items(field)
  field.split(",").map { |item| item[1..] }
end

def text(field)
  field.unpack1("m0").force_encoding("UTF-8")
end

# Answers headers["X-Name"] in any case, as Rails does.
def headers(field)
  values = items(field).to_h { |item| item.split(":", -1).map { |part| text(part) } }.transform_keys(&:downcase)
  ->(name) { values[name.downcase] }
end

modules = {}
count = 0
differences = []
File.foreach("cases.tsv", chomp: true) do |line|
  subject, id, valid, now, body, secrets, extras, fields = line.split("\t", -1)
  modules[subject] ||= begin
    known = Object.constants
    require_relative subject
    Object.const_get((Object.constants - known).grep(/Webhook\z/).first)
  end
  verify = modules[subject].respond_to?(:verify) ? :verify : :verify_challenge
  count += 1
  verdict =
    begin
      arguments = items(extras).map { |item| text(item) }
      at = Time.at(now.to_i / 1000r)
      modules[subject].public_send(verify, headers(fields), body.unpack1("m0"), items(secrets).map { |item| text(item) }, at, *arguments)
    rescue StandardError => e # a sample never raises
      e.inspect
    end
  differences << "#{subject} #{id}: #{verdict}, not #{valid == "1"}" unless verdict == (valid == "1")
end
Dir["*-server.rb"].each { |server| RubyVM::InstructionSequence.compile(File.read(server)) }
puts "ruby: #{modules.size} verifications, #{count} cases, #{differences.size} differ"
puts differences.first(60)
exit(differences.empty? ? 0 : 1)

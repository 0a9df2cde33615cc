# frozen_string_literal: true

# The function under test. One require makes it the incumbent's.
require 'pointmill/lambda'

$calls = 0 # rubocop:disable Style/GlobalVars

# Waits for the flush before the deadline, but leaves time to say that there was none.
def deadline_flush(context)
  sleep 0.01 until Pointmill::Lambda.stats.deadline_flushes.positive? || context.get_remaining_time_in_millis < 5000
  { 'deadline_flushes' => Pointmill::Lambda.stats.deadline_flushes }
end

def handler(event:, context:)
  Datadog::Lambda.wrap(event, context) do
    $calls += 1 # rubocop:disable Style/GlobalVars
    event.fetch('points', []).each { |name, value, tags| Datadog::Lambda.metric(name, value, **tags.to_h.transform_keys(&:to_sym)) }
    event.fetch('many', 0).times { |i| Datadog::Lambda.metric("many.#{i % 20}", 1 + (i * 0.75), shard: i % 20, env: 'test') }
    event.fetch('timed', []).each { |name, value, time| Datadog::Lambda.metric(name, value, time: Time.at(time)) }
    sleep event['sleep'] if event['sleep']
    loop { nil } if event['spin']
    return deadline_flush(context) if event['until_deadline_flush']

    raise ArgumentError, event['raise'] if event['raise']
    raise NoMemoryError, 'none left' if event['memory']

    exit event['exit'] if event['exit']
    return { 'returned' => true } if event['return']

    event.fetch('answer', { 'calls' => $calls }) # rubocop:disable Style/GlobalVars
  end
end

# frozen_string_literal: true

# A call of every kind, with what it makes.
module Everything
  NOW = 1_700_000_000

  module_function

  def everything(engine)
    metric = engine.distribution("m#{rand(3)}", ["a:#{rand(3)}", 'größe'.encode('UTF-16LE')])
    metric.record(rand)
    metric.record(1/3r, rate: 0.5, at: Time.at(NOW))
    metric.record_many([1, 2.5, 1/3r])
    engine.record_count("c#{rand(3)}", 1, ["a:#{rand(3)}", :sym, 'caf\xE9'.dup.force_encoding('ISO-8859-1')] * 10)
    engine.record_batch([metric.context] * 3, [1.0, 2.0, 3.0].pack('d*'))
    snapshot = engine.flush(NOW, all: true)
    entry = snapshot.find { |e| e.kind == :distribution }
    entry.inspect
    sketch = entry.sketch + Pointmill::Sketch.decode(entry.sketch.encode)
    sketch.bins
    snapshot.group_by_tags('a').encode(:log_lines, compression: :none, tags: ["x:#{rand(3)}"])
    Pointmill::Snapshot.merge(snapshot, snapshot).map(&:tags)
    begin
      engine.count('n' * 10_000, ['x'])
    rescue Pointmill::InvalidNameError => e
      e.message
    end
    [metric, sketch]
  end
end

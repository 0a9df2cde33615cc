# frozen_string_literal: true

module Pointmill
  class Client
    # The clients that are open, in this process.
    module Open
      @clients = {}.compare_by_identity
      @lock = Mutex.new

      class << self
        def add(client, timeout_ms)
          @lock.synchronize do
            hook unless @hooked
            @clients[client] = timeout_ms
          end
        end

        def remove(client)
          @lock.synchronize { @clients.delete(client) }
        end

        def each(&block)
          @lock.synchronize { @clients.dup }.each(&block)
        end

        # Called in the child of a fork, where no other thread is.
        def forked
          @lock = Mutex.new
          @clients.each_key(&:start)
        end

        private

        # With the first client, not by requiring this.
        def hook
          @hooked = true
          at_exit { each { |client, timeout_ms| close_at_exit(client, timeout_ms) } }
          Process.singleton_class.prepend(Fork)
        end

        def close_at_exit(client, timeout_ms)
          client.close(timeout: timeout_ms / 1000.0)
        rescue Error => e
          warn "pointmill: #{e.message}"
        end
      end
    end

    # Process.fork, Kernel#fork and IO.popen('-') all come here.
    module Fork
      def _fork
        pid = super
        Open.forked if pid.zero?
        pid
      end
    end
    private_constant :Fork
  end
end

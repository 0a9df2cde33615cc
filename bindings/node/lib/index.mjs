// The same objects for `import`: one engine registry, whichever way the package was loaded.
import pointmill from './index.js';

export const {
  Client, Engine, Sketch, Snapshot, CODES, configOptions, version,
  PointmillError, ArgumentError, NotFiniteError, RefusedError, ConfigError, CodecError, DeliveryError, ClosedError, InternalError,
} = pointmill;
export default pointmill;

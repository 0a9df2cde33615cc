// The same objects for `import`: one engine registry, whichever way the package was loaded.
import pointmill from './index.js';

export const {
  Client, Engine, Sketch, Snapshot, CODES, options, version, PointmillError,
  NullError, InvalidError, AlignmentError, StructSizeError, BufferTooSmallError, IndexError, Utf8Error, HandleError,
  KindError, FormatError, NotFiniteError, StaleContextError, TooOldError, TooNewError, InvalidNameError, NoRoomError,
  EmptyError, NoSketchError, TooManyError, UnknownOptionError, BadValueError, ArenaTooSmallError, NoMemoryError,
  DecodeError, EncodeError, DeliveryLaterError, DeliveryDroppedError, ClosedError, PanicError, PoisonedError,
} = pointmill;
export default pointmill;

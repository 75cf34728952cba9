export { collect, fieldPath, Place, pathSegments } from './check.ts'
export { durationMs } from './duration.ts'
export {
  type Checked,
  checkObject,
  defineKind,
  type KindDefinition,
  type KindVersion,
  type PrinterColumn,
  toCrd,
} from './kind.ts'
export { allKinds, checkFile, kindOf } from './kinds.ts'
export {
  groupKind,
  groupOf,
  type KubeObject,
  type ObjectMeta,
  type OwnerReference,
  objectKey,
  refOf,
} from './kube-object.ts'
export {
  enumeration,
  int64,
  keepUnknownFields,
  type LenientReading,
  protoDuration,
  readKind,
  readLenient,
} from './lenient.ts'
export {
  anyObject,
  anyValue,
  boolean,
  type CelRule,
  duration,
  integer,
  intOrString,
  list,
  map,
  number,
  type ObjectSchema,
  object,
  oneOf,
  port,
  required,
  type Static,
  string,
  type TSchema,
  uint32,
} from './schema.ts'
export { checkShape, isObject } from './shape.ts'
export { type ClusterSnapshot, objectsOf, type Snapshot } from './snapshot.ts'
export { soundObject } from './sound.ts'
export { type StructuralSchema, structural } from './structural.ts'
export {
  type LocatedProblem,
  type Position,
  parseYaml,
  type ReadObject,
  readObjects,
  type YamlDocument,
} from './yaml.ts'

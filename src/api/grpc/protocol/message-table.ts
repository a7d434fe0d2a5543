// The form of the tables of messages: from one table come the codec and the descriptors that
// reflection answers.

export const scalarTypes = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  int32: 5,
  bool: 8,
  string: 9,
  bytes: 12,
  uint32: 13,
} as const;
export type ScalarType = keyof typeof scalarTypes;

/** `type` is a scalar, or the name of a message or an enumeration of the same package. */
export type Field = {
  readonly number: number;
  readonly type: string;
  readonly is: 'single' | 'repeated' | 'map';
  /** At most one of the fields with this word is set. */
  readonly oneof?: string;
};

export type MessageTable = Readonly<Record<string, Readonly<Record<string, Field>>>>;
export type EnumTable = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** What a .proto file has. A message whose name has a dot lies in the one before the dot. */
export type ProtoFile = {
  readonly name: string;
  readonly package: string;
  readonly messages: MessageTable;
  readonly enums: EnumTable;
  readonly services: Readonly<Record<string, Readonly<Record<string, Rpc>>>>;
};

export type Rpc = {
  readonly request: string;
  readonly response: string;
  /** Which sides send several messages. */
  readonly streams?: 'both' | 'answers';
};

export function one(number: number, type: string): Field {
  return { number, type, is: 'single' };
}

export function many(number: number, type: string): Field {
  return { number, type, is: 'repeated' };
}

/** Its keys are texts. */
export function map(number: number, type: string): Field {
  return { number, type, is: 'map' };
}

export function either(oneof: string, number: number, type: string): Field {
  return { number, type, is: 'single', oneof };
}

export function isScalar(type: string): type is ScalarType {
  return Object.hasOwn(scalarTypes, type);
}

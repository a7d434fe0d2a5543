import { Codec, type Message } from './codec.ts';
import { type Field, isScalar, many, one, type ProtoFile, scalarTypes } from './message-table.ts';

/** What of descriptor.proto a file is described by. */
const descriptorFile = {
  name: 'google/protobuf/descriptor.proto',
  package: 'google.protobuf',
  messages: {
    FileDescriptorProto: {
      name: one(1, 'string'),
      package: one(2, 'string'),
      message_type: many(4, 'DescriptorProto'),
      enum_type: many(5, 'EnumDescriptorProto'),
      service: many(6, 'ServiceDescriptorProto'),
      syntax: one(12, 'string'),
    },
    DescriptorProto: {
      name: one(1, 'string'),
      field: many(2, 'FieldDescriptorProto'),
      nested_type: many(3, 'DescriptorProto'),
      enum_type: many(4, 'EnumDescriptorProto'),
      options: one(7, 'MessageOptions'),
      oneof_decl: many(8, 'OneofDescriptorProto'),
    },
    FieldDescriptorProto: {
      name: one(1, 'string'),
      number: one(3, 'int32'),
      label: one(4, 'int32'),
      type: one(5, 'int32'),
      type_name: one(6, 'string'),
      // Of the first `oneof` it is 0, which has to be said.
      oneof_index: { ...one(9, 'int32'), oneof: 'index' },
    },
    OneofDescriptorProto: { name: one(1, 'string') },
    MessageOptions: { map_entry: one(7, 'bool') },
    EnumDescriptorProto: { name: one(1, 'string'), value: many(2, 'EnumValueDescriptorProto') },
    EnumValueDescriptorProto: { name: one(1, 'string'), number: { ...one(2, 'int32'), oneof: 'number' } },
    ServiceDescriptorProto: { name: one(1, 'string'), method: many(2, 'MethodDescriptorProto') },
    MethodDescriptorProto: {
      name: one(1, 'string'),
      input_type: one(2, 'string'),
      output_type: one(3, 'string'),
      client_streaming: one(5, 'bool'),
      server_streaming: one(6, 'bool'),
    },
  },
  enums: {},
  services: {},
} as const satisfies ProtoFile;

const codec = new Codec(descriptorFile);
const labels = { optional: 1, repeated: 3 };
const kinds = { message: 11, enum: 14 };

/** The file as a serialized FileDescriptorProto: what reflection answers. */
export function describeFile(file: ProtoFile): Buffer {
  return codec.encode('FileDescriptorProto', {
    name: file.name,
    package: file.package,
    message_type: topLevel(file.messages).map((name) => describeMessage(file, name)),
    enum_type: topLevel(file.enums).map((name) => describeEnum(file, name)),
    service: Object.entries(file.services).map(([name, rpcs]) => ({
      name,
      method: Object.entries(rpcs).map(([rpc, { request, response, streams }]) => ({
        name: rpc,
        input_type: fullName(file, request),
        output_type: fullName(file, response),
        client_streaming: streams === 'both',
        server_streaming: streams !== undefined,
      })),
    })),
    syntax: 'proto3',
  });
}

/** Everything in the file that has a name: messages, enumerations, services and their methods. */
export function symbolsOf(file: ProtoFile): string[] {
  const services = Object.entries(file.services).flatMap(([name, rpcs]) => [
    name,
    ...Object.keys(rpcs).map((rpc) => `${name}.${rpc}`),
  ]);
  return [...Object.keys(file.messages), ...Object.keys(file.enums), ...services].map(
    (name) => `${file.package}.${name}`,
  );
}

function describeMessage(file: ProtoFile, name: string): Message {
  const fields = Object.entries(file.messages[name]!);
  const oneofs = [...new Set(fields.flatMap(([, { oneof }]) => (oneof === undefined ? [] : [oneof])))];
  const maps = fields.filter(([, { is }]) => is === 'map');
  return {
    name: lastPart(name),
    field: fields.map(([field, row]) => describeField(file, name, field, row, oneofs)),
    nested_type: [
      ...within(file.messages, name).map((inner) => describeMessage(file, inner)),
      ...maps.map(([field, row]) => describeEntry(file, field, row)),
    ],
    enum_type: within(file.enums, name).map((inner) => describeEnum(file, inner)),
    oneof_decl: oneofs.map((oneof) => ({ name: oneof })),
  };
}

function describeField(
  file: ProtoFile,
  message: string,
  name: string,
  field: Field,
  oneofs: readonly string[],
): Message {
  const isMap = field.is === 'map';
  return {
    name,
    number: field.number,
    label: field.is === 'single' ? labels.optional : labels.repeated,
    ...(isMap
      ? { type: kinds.message, type_name: `${fullName(file, message)}.${entryName(name)}` }
      : typeOf(file, field.type)),
    oneof_index: field.oneof === undefined ? undefined : oneofs.indexOf(field.oneof),
  };
}

/** A map is a list of messages of a key and a value. */
function describeEntry(file: ProtoFile, field: string, { type }: Field): Message {
  return {
    name: entryName(field),
    field: [
      { name: 'key', number: 1, label: labels.optional, type: scalarTypes.string },
      { name: 'value', number: 2, label: labels.optional, ...typeOf(file, type) },
    ],
    options: { map_entry: true },
  };
}

function typeOf(file: ProtoFile, type: string): Message {
  if (isScalar(type)) return { type: scalarTypes[type] };
  return { type: Object.hasOwn(file.enums, type) ? kinds.enum : kinds.message, type_name: fullName(file, type) };
}

function describeEnum(file: ProtoFile, name: string): Message {
  const value = Object.entries(file.enums[name]!).map(([each, number]) => ({ name: each, number }));
  return { name: lastPart(name), value };
}

function topLevel(table: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(table).filter((name) => !name.includes('.'));
}

function within(table: Readonly<Record<string, unknown>>, outer: string): string[] {
  return Object.keys(table).filter((name) => name.startsWith(`${outer}.`));
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function fullName({ package: of }: ProtoFile, type: string): string {
  return `.${of}.${type}`;
}

/** As protoc calls it: `model_name` becomes `ModelNameEntry`. */
function entryName(field: string): string {
  return `${field.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())}Entry`;
}

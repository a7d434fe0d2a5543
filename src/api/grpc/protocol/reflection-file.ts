import { either, many, one, type ProtoFile } from './message-table.ts';

const messages = {
  ServerReflectionRequest: {
    host: one(1, 'string'),
    file_by_filename: either('message_request', 3, 'string'),
    file_containing_symbol: either('message_request', 4, 'string'),
    file_containing_extension: either('message_request', 5, 'ExtensionRequest'),
    all_extension_numbers_of_type: either('message_request', 6, 'string'),
    list_services: either('message_request', 7, 'string'),
  },
  ExtensionRequest: { containing_type: one(1, 'string'), extension_number: one(2, 'int32') },
  ServerReflectionResponse: {
    valid_host: one(1, 'string'),
    original_request: one(2, 'ServerReflectionRequest'),
    file_descriptor_response: either('message_response', 4, 'FileDescriptorResponse'),
    all_extension_numbers_response: either('message_response', 5, 'ExtensionNumberResponse'),
    list_services_response: either('message_response', 6, 'ListServiceResponse'),
    error_response: either('message_response', 7, 'ErrorResponse'),
  },
  FileDescriptorResponse: { file_descriptor_proto: many(1, 'bytes') },
  ExtensionNumberResponse: { base_type_name: one(1, 'string'), extension_number: many(2, 'int32') },
  ListServiceResponse: { service: many(1, 'ServiceResponse') },
  ServiceResponse: { name: one(1, 'string') },
  ErrorResponse: { error_code: one(1, 'int32'), error_message: one(2, 'string') },
} as const;

/** Server reflection; most clients still ask by the name that it had before it was released. */
export const reflectionFile = reflectionOf('v1');
export const reflectionAlphaFile = reflectionOf('v1alpha');

function reflectionOf<const Version extends string>(version: Version) {
  return {
    name: `grpc/reflection/${version}/reflection.proto`,
    package: `grpc.reflection.${version}`,
    messages,
    enums: {},
    services: {
      ServerReflection: {
        ServerReflectionInfo: {
          request: 'ServerReflectionRequest',
          response: 'ServerReflectionResponse',
          streams: 'both',
        },
      },
    },
  } as const satisfies ProtoFile;
}

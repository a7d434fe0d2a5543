/** One file of a package of PyPI, by its hash. */
export type Wheel = {
  readonly project: string;
  readonly version: string;
  readonly file: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Which of its libraries are taken. */
  readonly takes: RegExp;
};

/** ONNX Runtime's CUDA provider: of the same version as onnxruntime-node, or it is not loaded. */
export const providerWheel: Wheel = {
  project: 'onnxruntime-gpu',
  version: '1.30.0',
  file: 'onnxruntime_gpu-1.30.0-cp312-cp312-manylinux_2_28_x86_64.whl',
  sha256: '6acc0f4b3d5ac5f2984432faa59dd8fcce6775f8b43a7140afa0f322c7a703b1',
  sizeBytes: 246_685_715,
  takes: /\/libonnxruntime_providers_(cuda|shared)\.so$/,
};

export const providerFiles = ['libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so'] as const;

/** The libraries that the provider loads, by the names that the loader looks for. */
export const cudaLibraries = [
  'libcudart.so.13',
  'libcublas.so.13',
  'libcublasLt.so.13',
  'libcurand.so.10',
  'libcufft.so.12',
  'libcudnn.so.9',
] as const;

/** What only the driver of the GPU brings. */
export const driverLibrary = 'libcuda.so.1';

const takes = /\/lib\/lib[^/]+\.so(\.\d+)*$/;

/** NVIDIA's own packages with them, under NVIDIA's licence. */
export const libraryWheels: readonly Wheel[] = [
  {
    project: 'nvidia-cuda-runtime',
    version: '13.5.37',
    file: 'nvidia_cuda_runtime-13.5.37-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
    sha256: 'df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d',
    sizeBytes: 2_504_024,
    takes,
  },
  {
    project: 'nvidia-cublas',
    version: '13.10.0.20',
    file: 'nvidia_cublas-13.10.0.20-py3-none-manylinux1_x86_64.manylinux_2_5_x86_64.whl',
    sha256: 'dcc6d63884c53d07e267ce7e6feac17b2538cebaafec5db865736c3e28e4dc84',
    sizeBytes: 444_289_903,
    takes,
  },
  {
    project: 'nvidia-cuda-nvrtc',
    version: '13.5.37',
    file: 'nvidia_cuda_nvrtc-13.5.37-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl',
    sha256: '86b4d68058807988b7d9af5b44917a0601e9c337f35ccd657bfb3c759ff8d8bc',
    sizeBytes: 58_185_930,
    takes,
  },
  {
    project: 'nvidia-nvjitlink',
    version: '13.5.37',
    file: 'nvidia_nvjitlink-13.5.37-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl',
    sha256: '280d7cb9649704145f074b8dbde500de04ce02d0872e066e20a83c17bcaa93eb',
    sizeBytes: 46_642_491,
    takes,
  },
  {
    project: 'nvidia-cufft',
    version: '12.5.0.14',
    file: 'nvidia_cufft-12.5.0.14-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
    sha256: 'b8be26837a5abad2b5b74f3e92dd29f622a42934b355be0961a48712cbba23ad',
    sizeBytes: 165_072_555,
    takes,
  },
  {
    project: 'nvidia-curand',
    version: '10.4.5.25',
    file: 'nvidia_curand-10.4.5.25-py3-none-manylinux_2_27_x86_64.whl',
    sha256: '22bb226a857e5888fe6b54ae465fc4371296bcff13a35f79e19691bcf454f529',
    sizeBytes: 77_113_015,
    takes,
  },
  {
    project: 'nvidia-cudnn-cu13',
    version: '9.28.1.4',
    file: 'nvidia_cudnn_cu13-9.28.1.4-py3-none-manylinux_2_27_x86_64.whl',
    sha256: 'a54f205b1db1f2895d99f398754db1369816f0569dd459731f925635cf7b65ec',
    sizeBytes: 516_817_937,
    takes,
  },
];

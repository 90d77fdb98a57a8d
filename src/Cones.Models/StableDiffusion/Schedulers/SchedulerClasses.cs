namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>The classes of diffusers that have a counterpart here.</summary>
public static class SchedulerClasses
{
    /// <summary>Denoising diffusion probabilistic models (Ho et al., 2020).</summary>
    public const string Ddpm = "DDPMScheduler";

    /// <summary>Denoising diffusion implicit models (Song et al., 2021).</summary>
    public const string Ddim = "DDIMScheduler";

    /// <summary>Pseudo numerical methods (Liu et al., 2022).</summary>
    public const string Pndm = "PNDMScheduler";

    /// <summary>Euler's method (Karras et al., 2022, algorithm 2 without churn).</summary>
    public const string Euler = "EulerDiscreteScheduler";

    /// <summary>Euler's method with ancestral noise.</summary>
    public const string EulerAncestral = "EulerAncestralDiscreteScheduler";

    /// <summary>DPM-Solver and DPM-Solver++, multistep (Lu et al., 2022).</summary>
    public const string DpmSolver = "DPMSolverMultistepScheduler";

    /// <summary>UniPC (Zhao et al., 2023).</summary>
    public const string UniPc = "UniPCMultistepScheduler";
}
